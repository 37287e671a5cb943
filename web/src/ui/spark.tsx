/** A line of values; the words beside it say what it shows. */
export function Spark({
  values,
  label,
  wide = 96,
  high = 26,
}: {
  values: number[];
  label: string;
  wide?: number;
  high?: number;
}) {
  if (values.length < 2) return null;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values
    .map(
      (v, i) =>
        `${((i / (values.length - 1)) * wide).toFixed(1)},${(high - 3 - ((v - low) / span) * (high - 6)).toFixed(1)}`,
    )
    .join(" ");
  return (
    <svg
      className="spark"
      viewBox={`0 0 ${wide} ${high}`}
      style={{ width: wide, height: high }}
      role="img"
      aria-label={label}
    >
      <polyline points={points} />
    </svg>
  );
}
