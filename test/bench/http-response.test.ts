import { describe, expect, test } from "bun:test";
import { ResponseScanner } from "../../scripts/bench/driver/http-response.ts";

/** What the scanner reports of `text` when it comes in reads of `size` bytes; pieces of one body are joined. */
function scan(text: string, size: number): string[] {
  const seen: string[] = [];
  let body = "";
  const scanner = new ResponseScanner({
    head: (status) => seen.push(`head ${status}`),
    body: (piece) => {
      body += piece.toString();
    },
    end: () => {
      seen.push(`end ${body}`);
      body = "";
    },
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
  return seen;
}

const TWO =
  "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\nDate: x\r\n\r\nAccepted" +
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nA\r\n0123456789\r\n0\r\n\r\n" +
  "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
const SEEN = ["head 202", "end Accepted", "head 200", "end abcde0123456789", "head 204", "end ", "head 202", "end "];

describe("ResponseScanner", () => {
  test.each([1, 2, 3, 7, 1000])("reads counted, chunked and empty bodies that come %d bytes at a time", (size) => {
    expect(scan(TWO, size)).toEqual(SEEN);
  });

  test("throws at a response whose end cannot be known", () => {
    expect(() => scan("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", 100)).toThrow("neither a length nor chunks");
  });

  test("throws at a chunk size that is no number", () => {
    expect(() => scan("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 100)).toThrow("not a chunk size");
  });
});
