import { MEMBER_BITS, MEMBERS, type Member, memberAt, suspectName } from "./json-members.ts";
import { emptyMessage, type MutableMessage } from "./scanned-message.ts";

/** Notes where JSON-RPC's members stand at the top level of the message that a scan is reading. */
export class MemberFinder {
  found: MutableMessage = emptyMessage();
  /** One of them came twice, or in another spelling: parsers may disagree about the message. */
  isAmbiguous = false;
  #seen = 0;
  #member: Member | undefined;
  #start = -1;

  reset(): void {
    this.found = emptyMessage();
    this.isAmbiguous = false;
    this.#seen = 0;
    this.#member = undefined;
  }

  /** A name was read, which stands between these places. */
  enter(bytes: Buffer, keyStart: number, keyEnd: number): void {
    this.#member = memberAt(bytes, keyStart, keyEnd);
    if (this.#member === undefined) {
      const name = suspectName(bytes, keyStart, keyEnd);
      if (name === undefined) return;
      // Another spelling of a member, for every parser or for some.
      if (!MEMBER_BITS.has(name)) {
        this.isAmbiguous = true;
        return;
      }
      this.#member = MEMBERS.find((known) => known === name);
    }
    const bit = this.#member === undefined ? 0 : (MEMBER_BITS.get(this.#member) ?? 0);
    if ((this.#seen & bit) !== 0) this.isAmbiguous = true;
    this.#seen |= bit;
  }

  /** Its value begins here. */
  begin(start: number): void {
    this.#start = start;
  }

  /** Its value ends here. */
  leave(bytes: Buffer, end: number): void {
    if (this.#member === undefined) return;
    const { found } = this;
    // No other JSON value begins so.
    if (bytes[this.#start] === 0x6e) found.hasNull = true;
    switch (this.#member) {
      case "id":
        found.idStart = this.#start;
        found.idEnd = end;
        break;
      case "method":
        found.methodStart = this.#start;
        found.methodEnd = end;
        break;
      case "jsonrpc":
        found.jsonrpcStart = this.#start;
        found.jsonrpcEnd = end;
        break;
      case "result":
        found.hasResult = true;
        break;
      case "error":
        found.hasError = true;
        break;
    }
    this.#member = undefined;
  }
}
