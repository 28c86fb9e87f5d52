const FIRST = 1_000_000_000;
const PER_LANE = 1_000_000;

/** What stands for the id in a serialised message: ten digits, as all ids have, so that they are written in place. */
export const ID_PLACEHOLDER = String(FIRST);
export const ID_DIGITS = ID_PLACEHOLDER.length;

/**
 * The id of a lane's nth message. Ids differ across all lanes of a driver, because a gateway with one child for all its
 * sessions may send an answer to sessions that did not ask.
 */
export function messageId(lane: number, sequence: number): number {
  return FIRST + lane * PER_LANE + (sequence % PER_LANE);
}

/** The lane that an id is of. */
export function laneOf(id: number): number {
  return Math.floor((id - FIRST) / PER_LANE);
}

/** Writes an id over the placeholder's place. */
export function writeId(bytes: Buffer, at: number, id: number): void {
  let rest = id;
  for (let digit = at + ID_DIGITS - 1; digit >= at; digit--) {
    bytes[digit] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
