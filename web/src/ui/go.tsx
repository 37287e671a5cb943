import { useRouter } from "@tanstack/react-router";
import type { AnchorHTMLAttributes } from "react";

/** A link to an address made of data (an item, a search result), opened without loading the page again. */
export function Go({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const router = useRouter();
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        router.history.push(href);
      }}
    />
  );
}
