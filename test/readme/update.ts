#!/usr/bin/env bun
// Writes the generated tables of README.md anew: bun test/readme/update.ts
import { withGenerated } from "./generated.ts";
import { page, README } from "./page.ts";

await Bun.write(README, withGenerated(page));
