/** The documents that a page shows, as their JSON Schemas have them, and how they are unpacked. */

export interface Placement {
  stored: string;
  dtype: string;
  shape: number[];
  bytes: number;
  encoding: string;
  place: string;
  rule: string;
  because: string;
  steps: string[] | null;
}

export interface OtherClaim {
  name: string;
  evidence: string;
  certain: boolean;
  because: string;
}

export interface Histogram {
  low: number | null;
  high: number | null;
  counts: number[];
}

export interface Stats {
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  zeros: number;
  nan: number;
  infinite: number;
  subnormal: number;
  quantiles: Record<string, number | null>;
  histogram: Histogram | null;
}

export interface Parameter {
  name: string;
  shape: number[] | null;
  count: number | null;
  form: string;
  dtype: string | null;
  bytes: number;
  bits_per_weight: number | null;
  evidence: string;
  certain: boolean;
  view: string;
  stored: string[];
  aliases: string[];
  kind?: string;
  because?: string;
  placements?: Placement[];
  claims?: OtherClaim[];
  stats?: Stats;
}

export interface Other {
  name: string;
  role: string;
  rule: string;
  because: string;
  dtype: string;
  shape: number[];
  bytes: number;
  place: string;
}

export interface Sum {
  layers: number;
  parameters: number;
}

export interface Report {
  schema: string;
  model: {
    name: string;
    path: string | null;
    ir_version: number;
    producer_name: string;
    producer_version: string;
    opsets: { domain: string; version: number }[];
    files: {
      path: string;
      bytes: number | null;
      tensor_bytes: number;
      structure_bytes: number | null;
    }[];
  };
  totals: {
    layers: number;
    parameters: number;
    stored_parameters: number;
    bytes: number;
    bits_per_weight: number | null;
  };
  forms: (Sum & { form: string })[];
  dtypes: (Sum & { dtype: string })[];
  parameters: Parameter[];
  others: Other[];
  notes: string[];
}

export interface Side {
  name: string;
  shape: number[] | null;
  dtype: string | null;
  bytes: number;
  stored: string[];
  view: string;
}

export interface Pair {
  a: Side | null;
  b: Side | null;
  paired_by: string;
  relation: string;
  how: string;
  largest: number | null;
  relative: number | null;
  sqnr_db: number | null;
}

export interface Whole {
  name?: string;
  path: string;
  layers: number;
  parameters: number;
  bytes: number;
  bytes_by_dtype: Record<string, number>;
}

export interface Comparison {
  schema: string;
  a: Whole;
  b: Whole;
  outcome?: string;
  differences: string[];
  pairs: Pair[];
}

export interface Judgement {
  name: string;
  verdict: string;
  shape: number[] | null;
  dtype: string;
  stored: string[];
  because: string;
  other: string | null;
  placed_by_name: boolean;
  difference: {
    changed: number;
    of: number;
    first: number[];
    largest: number | null;
    nan: number;
  } | null;
  quantization: {
    sqnr_db: number | null;
    largest_error: number | null;
    saturated: number;
    residuals?: Histogram | null;
  } | null;
}

export interface Finding {
  rule: string;
  severity: string;
  name: string;
  message: string;
  stored: string[];
  bytes: number;
}

export interface Audit {
  schema: string;
  model: string;
  reference: string | null;
  policy: string | null;
  fail_on: string;
  passed: boolean;
  outcome: string;
  notes: string[];
  verdicts: Record<string, number>;
  judgements: Judgement[];
  findings: Finding[];
  rules?: Record<string, { finds: string; why: string; next: string }>;
}

/** The page's own document: gzip in base64, unpacked by the browser. */
export async function embedded<T>(): Promise<T> {
  const text = document.getElementById("data")!.textContent!.trim();
  const packed = atob(text);
  const data = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) data[at] = packed.charCodeAt(at);
  const plainText = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plainText).json() as Promise<T>;
}
