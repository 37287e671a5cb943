import type { ReactNode } from "react";
import { t } from "../texts";
import { Scroll } from "./scroll";

type Props = {
  label: string;
  heads: readonly string[];
  /** The last column holds what can be done with a row; only a screen reader hears its heading */
  acts?: boolean;
  children: ReactNode;
};

/** Rows under named columns, in a box that scrolls where the screen is narrow. */
export function Table({ label, heads, acts = false, children }: Props) {
  return (
    <Scroll label={label}>
      <table className="table">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
            {acts && (
              <th scope="col">
                <span className="hidden">{t("settings.actions")}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  );
}
