import { cpuSeconds } from "../measure/process-table.ts";
import { quantile } from "../measure/quantile.ts";
import type { Load } from "./orders.ts";
import type { Lane, Message, Session } from "./protocol.ts";

export interface LoadPlan {
  readonly lanes: readonly Lane[];
  readonly message: Message;
  readonly ms: number;
  /** An answer that is shorter is a failure: a gateway's error must not count as a message. */
  readonly leastBytes: number;
  /** The process whose CPU time is read. */
  readonly pid: number;
}

/**
 * Keeps each lane busy with one message after the other for a time. The figures are taken at the moment when the time is
 * over; what is in flight then is awaited, so that the next round starts quiet.
 */
export function runLoad(plan: LoadPlan): Promise<Load> {
  const { lanes, message, pid } = plan;
  const done = Promise.withResolvers<Load>();
  const roundTripsUs: number[] = [];
  const sentNs = new Float64Array(lanes.length);
  let figures: Load | undefined;
  let busy = lanes.length;
  const cpuBefore = cpuSeconds(pid);
  const start = Bun.nanoseconds();
  const end = start + plan.ms * 1e6;

  const finish = (now: number): Load => ({
    messages: roundTripsUs.length,
    seconds: (now - start) / 1e9,
    cpuSeconds: cpuSeconds(pid) - cpuBefore,
    p50Us: quantile(roundTripsUs, 0.5),
    p99Us: quantile(roundTripsUs, 0.99),
  });
  lanes.forEach((lane, index) => {
    const send = (): void => {
      sentNs[index] = Bun.nanoseconds();
      lane.exchange(message);
    };
    lane.onDone = () => {
      if (lane.answerBytes < plan.leastBytes) done.reject(new Error(`an answer of ${lane.answerBytes} bytes`));
      const now = Bun.nanoseconds();
      if (now < end) {
        roundTripsUs.push((lane.answeredNs - (sentNs[index] ?? 0)) / 1000);
        send();
        return;
      }
      figures ??= finish(now);
      busy -= 1;
      if (busy === 0) done.resolve(figures);
    };
    send();
  });
  return done.promise;
}

/** Sends one message on a lane and waits until it is done. */
export async function once(session: Session, lane: Lane, message: Message, kind: "exchange" | "notify"): Promise<void> {
  const done = Promise.withResolvers<void>();
  lane.onDone = done.resolve;
  lane[kind](message);
  await Promise.race([done.promise, session.broken]);
}
