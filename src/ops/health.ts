const OK = '{"status":"ok"}';
const DRAINING = '{"status":"draining"}';

/** Answers `GET /health`: whether new sessions are welcome. Never starts anything, never waits, tells nothing else. */
export function answerHealth(isDraining: boolean, fields: Readonly<Record<string, string>>): Response {
  return new Response(isDraining ? DRAINING : OK, {
    status: isDraining ? 503 : 200,
    headers: { ...fields, "content-type": "application/json" },
  });
}
