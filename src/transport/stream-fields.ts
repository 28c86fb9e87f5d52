/**
 * Header fields of an answer that is an event stream. In lower case, as all fields of every answer are: a second spelling
 * of a field would be sent beside the first.
 */
export const STREAM_FIELDS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // nginx would hold events back until its buffer is full.
  "x-accel-buffering": "no",
  // No time limit is left on this connection: it must not outlive its stream.
  connection: "close",
};
