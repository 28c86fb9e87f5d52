import { applyEdits, membersOf, removeMembers, textAt } from "./json-edit.ts";
import { spaceEnd, valueEnd } from "./json-walk.ts";

/**
 * Takes away the members that are null and mean nothing, as serializers write that put down every member they know: a result
 * beside an error, an error beside a result, params, the method of an answer, the id of a notification. What has no meaning
 * without its null (a result that is null, the null id of an error) stays. Without such members, answers the bytes themselves.
 *
 * @param bytes a JSON object that has passed the scanner, no known member of which comes twice.
 */
export function withoutNullMembers(bytes: Buffer): Buffer {
  const start = spaceEnd(bytes, 0);
  const object = { start, end: valueEnd(bytes, start) };
  const members = new Map(membersOf(bytes, object).map(({ name, value }) => [name, textAt(bytes, value)]));
  const isNull = (name: string) => members.get(name) === "null";
  const isGiven = (name: string) => members.has(name) && !isNull(name);

  const isMeaningless = (name: string): boolean => {
    if (!isNull(name)) return false;
    switch (name) {
      case "params":
      case "method":
        return true;
      case "id":
        return members.get("method")?.startsWith('"notifications/') ?? false;
      case "result":
        return isGiven("method") || isGiven("error");
      case "error":
        return isGiven("method") || members.has("result");
      default:
        return false;
    }
  };
  if (![...members.keys()].some(isMeaningless)) return bytes;
  return applyEdits(bytes, removeMembers(bytes, object, isMeaningless));
}
