import { type ReactNode, useEffect, useRef, useState } from "react";

/** A wide table that scrolls by itself on a narrow screen; then, and only then, the keyboard can reach and scroll it. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWide(element.scrollWidth > element.clientWidth));
    watch.observe(element);
    for (const child of element.children) watch.observe(child);
    return () => watch.disconnect();
  }, []);
  const reach = wide ? { tabIndex: 0, role: "group", "aria-label": label } : {};
  return (
    <div ref={ref} className="scroll" {...reach}>
      {children}
    </div>
  );
}
