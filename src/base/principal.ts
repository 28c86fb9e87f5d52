/** Who the caller is, as authentication found it; sessions and limits belong to one principal. */
export interface Principal {
  readonly id: string;
}
