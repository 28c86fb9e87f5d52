/**
 * Limits that only a hang reaches: whatever is waited for comes on a machine that is ten times overcommitted too. No test judges how
 * soon something came; what a time setting does is seen by what comes, and in which order.
 */

/** For one event, in milliseconds. */
export const WAIT_MS = 90_000;

/** For one test with all its waits, so that the wait that failed can say what it waited for, and the test can clean up. */
export const TEST_MS = 300_000;
