/** A variable whose name says that its value opens something: `NPM_CONFIG__AUTHTOKEN`, `UV_INDEX_X_PASSWORD`. */
const SECRET_NAME = /auth|token|passw|secret|credential|(?:^|_)keys?$|api_?key|netrc/i;

/** A URL with a password in it. */
const URL_WITH_PASSWORD = /[a-z][a-z0-9+.-]*:\/\/([^/\s@]*)@/gi;

/** The variables of the proxy's own environment that must not be seen: by their names, or for a password in a URL. */
export function secretsOf(
  environment: Readonly<Record<string, string>>,
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    const passwords = [...value.matchAll(URL_WITH_PASSWORD)].flatMap(([, user = ""]) => credentialsOf(user));
    if (!SECRET_NAME.test(name) && passwords.length === 0) return [];
    return [value, ...passwords].map((secret) => [name, secret] as const);
  });
}

/** `user:password` and the password by itself, as they stand in the URL: the redactor knows escapes. */
function credentialsOf(user: string): string[] {
  const colon = user.indexOf(":");
  return colon === -1 ? [user] : [user, user.slice(colon + 1)];
}
