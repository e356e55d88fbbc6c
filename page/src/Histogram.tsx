/** How numbers are spread: bars between two ends. */
import type { Histogram as Data } from "./documents";
import { measured } from "./text";

const HEIGHT = 100; // units of the picture, which is scaled

export function Histogram({
  data,
  label,
  isSmall,
}: {
  data: Data;
  label: string;
  isSmall?: boolean;
}) {
  const most = Math.max(1, ...data.counts);
  const count = data.counts.length;
  // counts differ by thousands: their square roots keep the tails visible
  const bars = data.counts.map((each, at) => {
    const height = each ? Math.max(2, HEIGHT * Math.sqrt(each / most)) : 0;
    return `M${at} ${HEIGHT}v${-height.toFixed(1)}h.86v${height.toFixed(1)}z`;
  });
  const picture = (
    <svg
      viewBox={`0 0 ${count} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={bars.join("")} />
    </svg>
  );
  if (isSmall) return <span class="spark">{picture}</span>;
  return (
    <figure class="histogram">
      {picture}
      <figcaption>
        <span>{measured(data.low)}</span>
        <span>{label}, heights by square root</span>
        <span>{measured(data.high)}</span>
      </figcaption>
    </figure>
  );
}
