import type { GatewayName } from "../gateways/gateways.ts";
import { median } from "../measure/quantile.ts";
import type { FigureKey } from "./figures.ts";

/** The samples of every gateway's figures, and why a figure has none. */
export class Results {
  readonly #samples = new Map<string, number[]>();
  readonly #reasons = new Map<string, string>();

  add(gateway: GatewayName, key: FigureKey, ...samples: readonly number[]): void {
    const at = `${gateway} ${key}`;
    this.#samples.set(at, [...(this.#samples.get(at) ?? []), ...samples]);
  }

  /** Notes why a gateway has no such figure; samples that it has already are kept from the report, as they are not whole. */
  absent(gateway: GatewayName, key: FigureKey, reason: string): void {
    this.#reasons.set(`${gateway} ${key}`, reason);
  }

  /** The median of the samples; undefined when there are none or the gateway failed on the way. */
  value(gateway: GatewayName, key: FigureKey): number | undefined {
    const samples = this.samples(gateway, key);
    return samples.length === 0 || this.reason(gateway, key) !== undefined ? undefined : median(samples);
  }

  samples(gateway: GatewayName, key: FigureKey): readonly number[] {
    return this.#samples.get(`${gateway} ${key}`) ?? [];
  }

  reason(gateway: GatewayName, key: FigureKey): string | undefined {
    return this.#reasons.get(`${gateway} ${key}`);
  }

  /** One gateway's figure divided by another's; undefined when either has none. */
  ratio(gateway: GatewayName, other: GatewayName, key: FigureKey): number | undefined {
    const own = this.value(gateway, key);
    const others = this.value(other, key);
    return own === undefined || others === undefined ? undefined : own / others;
  }
}
