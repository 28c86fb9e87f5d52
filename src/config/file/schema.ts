import Type, { type Static, type TProperties, type TSchema } from "typebox";
import { Check } from "typebox/value";
import { SERVER_LIMITS, SERVER_TIMEOUTS } from "../settings/server-settings.ts";
import type { AnySetting } from "../settings/setting.ts";
import { ALL_SETTINGS } from "../settings/settings.ts";
import { settingsOf } from "../settings/tree.ts";
import { ForeignKeys, SWITCHES, TRANSPORTS } from "./foreign-keys.ts";

/*
 * The schema of the configuration file. Scalars come from the table of settings; what stands here is the shape around them.
 * `errorMessage` is what a fault says, and what editors show that know the keyword; it begins with "expected".
 */

const expected = (what: string, description?: string) => ({
  errorMessage: `expected ${what}`,
  ...(description === undefined ? {} : { description }),
});

/** An object with these keys and no others. */
const object = <P extends TProperties>(properties: P, description: string, more: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...expected("an object"), description, ...more });

const scalar = (setting: AnySetting): TSchema =>
  Type.Optional({
    ...setting.kind.schema,
    description: setting.description,
    default: setting.defaultWritten,
  } as TSchema);

/** What the groups of settings are for; a test sees to it that each has a sentence. */
const GROUPS: Readonly<Record<string, string>> = {
  listen: "Where to listen.",
  rateLimit: "How fast callers may come.",
  cors: "Callers in browsers.",
  limits: "Limits. 0 switches one off.",
  timeouts: "Time limits. 0 switches one off.",
  log: "The log.",
};

/** The file's members for settings, those of one group in an object: `limits.lineBytes` is the member lineBytes of limits. */
function members(settings: readonly AnySetting[], groups: Readonly<Record<string, string>>): Record<string, TSchema> {
  const alone = (one: AnySetting) => one.key !== undefined && !one.key.includes(".");
  const groupOf = ({ key }: AnySetting) => key?.split(".")[0] ?? "";
  const names = new Set(settings.filter(({ key }) => key !== undefined).map(groupOf));
  return Object.fromEntries(
    [...names].map((name) => {
      const inside = settings.filter((one) => one.key !== undefined && groupOf(one) === name);
      const [first] = inside;
      if (first !== undefined && alone(first)) return [name, scalar(first)];
      const properties = inside.map((one) => [String(one.key).slice(name.length + 1), scalar(one)]);
      return [name, Type.Optional(object(Object.fromEntries(properties), groups[name] ?? ""))];
    }),
  );
}

/** Any name at all, line breaks too: what a name may be is for the allowlist to say, and nothing may slip by unchecked. */
const ANY_NAME = Type.String({ pattern: "^[\\s\\S]*$" });

/** A client variable's name: upper case, as the header that carries it is mapped to it (THREATS 1.2). */
const CLIENT_VARIABLE = "^[A-Z][A-Z0-9_]{0,63}$";

export const ClientVariable = object(
  {
    required: Type.Optional(Type.Boolean({ ...expected("true or false"), default: false })),
    pattern: Type.Optional(
      Type.String({
        ...expected("a regular expression", "The whole value must match it (ECMAScript, flag u)."),
      }),
    ),
    maxLength: Type.Optional(
      Type.Integer({ minimum: 1, ...expected("a whole number from 1 on", "Characters."), default: 8192 }),
    ),
    allowDangerous: Type.Optional(
      Type.Boolean({
        ...expected("true or false"),
        description: "Takes the variable although setting it can run code or redirect traffic.",
        default: false,
      }),
    ),
  },
  "What a client variable must be.",
);

const ClientEnv = Type.Union(
  [
    Type.Array(Type.String({ pattern: CLIENT_VARIABLE, ...expected('a variable name such as "API_KEY"') })),
    Type.Record(Type.String({ pattern: CLIENT_VARIABLE }), ClientVariable, {
      additionalProperties: false,
      ...expected('variable names such as "API_KEY" (A-Z, 0-9, _; at most 64)'),
    }),
    Type.Literal("*"),
  ],
  expected(
    '["NAME", …], {"NAME": {"required": true, …}} or "*"',
    'The variables that a client may set by ENV_ headers. Default: none. "*": every name that is not known to be dangerous.',
  ),
);

/** As desktop clients take them: a number or a truth value is the text that it is written as. */
const Word = Type.Union([Type.String(), Type.Number(), Type.Boolean()], expected("a text, a number, true or false"));

const Env = Type.Record(Type.String({ pattern: "^[^=\\u0000-\\u001f\\u007f]+$" }), Word, {
  additionalProperties: false,
  ...expected(
    "variable names and texts",
    `Variables for the child. \${NAME} is read from the proxy's own environment; $\${ is a plain \${.`,
  ),
});

export const Args = Type.Array(Word, {
  ...expected("a list of texts", "Arguments, one a word: there is no shell, and nothing is expanded."),
});

export const InheritEnv = Type.Array(
  Type.String({ pattern: "^[^=\\u0000-\\u001f\\u007f]+$", ...expected('a variable name such as "SSH_AUTH_SOCK"') }),
  expected(
    '["NAME", …]',
    "Names of variables that the child gets from the proxy's own environment, where they are set. What is set there for npm, uv, pip, Docker and their like goes to children whose program is such a launcher without being named.",
  ),
);

/** Any object at all: for reading the sound parts of one that has faults. */
export const AnyObject = Type.Record(ANY_NAME, Type.Unknown());

export const Text = Type.String({ minLength: 1, ...expected("a text that is not empty") });

/** What an entry may say besides its command. */
const policy = {
  env: Type.Optional(Env),
  cwd: Type.Optional(
    Type.String({
      minLength: 1,
      ...expected("a directory"),
      description:
        "Working directory; a relative one starts at the file. Default: a temporary directory for each child.",
    }),
  ),
  clientEnv: Type.Optional(ClientEnv),
  inheritEnv: Type.Optional(InheritEnv),
  isolation: Type.Optional(
    Type.Union([Type.Literal("exclusive"), Type.Literal("shared")], {
      ...expected('"exclusive" or "shared"'),
      description:
        "exclusive: a process for each session. shared: sessions of one caller with the same client variables share the processes that serve stateless requests. Default: exclusive.",
    }),
  ),
  warm: Type.Optional(Type.Literal(0, expected("0: warm children are not supported yet"))),
  ...members(settingsOf({ SERVER_LIMITS, SERVER_TIMEOUTS }), {
    limits: "Limits of this server alone.",
    timeouts: "Time limits of this server alone.",
  }),
};

export const Builtin = Type.Literal(
  "demo",
  expected('"demo"', "A server inside the proxy's own binary, in place of a command."),
);

export const Disabled = Type.Boolean({
  ...expected("true or false"),
  description: "true keeps the entry off the allowlist.",
});

/** As Zed, Cherry Studio and Jan have it. */
export const Enabled = Type.Boolean({
  ...expected("true or false"),
  description: "false keeps the entry off the allowlist.",
});

const Stdio = Type.Union(
  [Type.Literal("stdio"), Type.Literal("local")],
  expected('"stdio": remote servers are not supported yet'),
);

const ServerEntry = object(
  {
    ...Object.fromEntries(TRANSPORTS.map((key) => [key, Type.Optional(Stdio)])),
    command: Type.Optional({ ...Text, description: "The program: a name to be found on PATH, or a path." }),
    args: Type.Optional(Args),
    builtin: Type.Optional(Builtin),
    disabled: Type.Optional(Disabled),
    ...Object.fromEntries(SWITCHES.map((key) => [key, Type.Optional(Enabled)])),
    ...policy,
    ...ForeignKeys,
  },
  "A server by its name.",
  {
    errorMessage: 'expected an object with either "command" or "builtin": "demo"',
    oneOf: [{ required: ["command"] }, { required: ["builtin"] }],
    dependencies: { args: ["command"] },
  },
);

const AllowedCommand = Type.Union(
  [Text, object({ command: Text, ...policy }, "A command line and the policy for running it.")],
  expected('a command line or {"command": "a command line", …}'),
);

/** The whole file. */
export const FileSchema = object(
  {
    $schema: Type.Optional(Type.String({ ...expected("a text"), description: "Where editors find this schema." })),
    mcpServers: Type.Optional(
      Type.Record(ANY_NAME, ServerEntry, {
        ...expected("an object of servers by name"),
        description: "The servers, in the shape that desktop clients use; the key is the name in the URL.",
      }),
    ),
    allowedCommands: Type.Optional(
      Type.Array(AllowedCommand, {
        ...expected("a list of command lines"),
        description: "Exact command lines; the line is the name in the URL.",
      }),
    ),
    ...members(ALL_SETTINGS, GROUPS),
  },
  "mcp-sse-proxy: configuration",
);

export type ConfigurationFile = Static<typeof FileSchema>;

/** The value as the type that its schema gives it, or undefined: the schema's own faults are reported elsewhere. */
export function valid<S extends TSchema>(schema: S, value: unknown): Static<S> | undefined {
  return Check(schema, value) ? value : undefined;
}

/**
 * The JSON Schema that is published for editors: mcp-sse-proxy.schema.json in the repository, which a test holds to this.
 * Printed by: bun -p 'JSON.stringify(require("./src/config/file/schema.ts").jsonSchema())'
 */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  return { $schema: "http://json-schema.org/draft-07/schema#", ...FileSchema };
}
