import { hashKey, MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@fontsource-variable/inter";
import "./styles/theme.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import { asOfDay } from "./api/as-of";
import { Problem } from "./api/problem";
import { session } from "./api/queries";
import { router } from "./router";
import { preferred, speak } from "./texts";

// A session that ended elsewhere shows itself as 401 anywhere: ask again who we are, and the shell shows the sign-in.
const signedOut = (error: unknown) => {
  if (error instanceof Problem && error.status === 401) client.invalidateQueries({ queryKey: session.queryKey });
};
const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: signedOut }),
  mutationCache: new MutationCache({ onError: signedOut }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // What is true of one day is not what is true of another.
      queryKeyHashFn: (key) => asOfDay() + hashKey(key),
      // A refusal stays a refusal; only a lost connection or a busy server is worth asking again.
      retry: (times, error) => times < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 502),
    },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
// Without its words (a lost connection) the page is better in English than not at all.
speak(preferred())
  .catch(() => undefined)
  .then(() =>
    createRoot(root).render(
      <StrictMode>
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </StrictMode>,
    ),
  );
