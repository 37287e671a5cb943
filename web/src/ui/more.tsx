import { t } from "../texts";
import { ErrorNote } from "./page";

type Pages = {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
};

/** The rest of a list, asked for when someone wants it. */
export function More({ of }: { of: Pages }) {
  if (of.isFetchNextPageError) return <ErrorNote error={of.error} retry={of.fetchNextPage} />;
  if (!of.hasNextPage) return null;
  return (
    <button
      type="button"
      className="btn small more noprint"
      disabled={of.isFetchingNextPage}
      onClick={() => of.fetchNextPage()}
    >
      {t(of.isFetchingNextPage ? "common.loading" : "common.more")}
    </button>
  );
}
