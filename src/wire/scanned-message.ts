/** The members of a JSON-RPC message's top level that a router needs, as places in the scanned bytes; -1: absent. */
export interface ScannedMessage {
  readonly idStart: number;
  readonly idEnd: number;
  readonly methodStart: number;
  readonly methodEnd: number;
  readonly jsonrpcStart: number;
  readonly jsonrpcEnd: number;
  readonly hasResult: boolean;
  readonly hasError: boolean;
  /** Whether one of JSON-RPC's members is null. */
  readonly hasNull: boolean;
}

/** Why bytes were not taken for a JSON object. */
export type ScanFlaw = "not-json" | "too-deep" | "not-object" | "array" | "ambiguous";

/** One that is being filled in. */
export type MutableMessage = { -readonly [Key in keyof ScannedMessage]: ScannedMessage[Key] };

export function emptyMessage(): MutableMessage {
  return {
    idStart: -1,
    idEnd: -1,
    methodStart: -1,
    methodEnd: -1,
    jsonrpcStart: -1,
    jsonrpcEnd: -1,
    hasResult: false,
    hasError: false,
    hasNull: false,
  };
}
