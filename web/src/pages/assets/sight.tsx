import { queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { t, word } from "../../texts";
import { Ask, Panel } from "../../ui/page";

const sight = (id: string) =>
  queryOptions({
    queryKey: ["asset", id, "sight"],
    queryFn: ({ signal }) => answer(api.GET("/assets/{id}/sight", { params: { path: { id } }, signal })),
  });

/** "Could we have seen it?": what a sensor would have noticed, and why not. */
export function Sight({ id }: { id: string }) {
  const list = useQuery(sight(id));
  return (
    <Panel title={t("sight.title")}>
      <p className="quiet small">{t("sight.lead")}</p>
      <Ask of={list}>
        {(data) => (
          <>
            {data.family && <p className="small">{t("sight.family", { family: data.family })}</p>}
            <dl className="sight">
              {data.questions.map((q) => (
                <div key={q.question}>
                  <dt>
                    {word("sight_question", q.question)}{" "}
                    <span className={q.answer === "unknown" ? "tag unknown" : `tag answer ${q.answer}`}>
                      {word("sight_answer", q.answer)}
                    </span>
                  </dt>
                  {q.reasons
                    .filter((r) => data.questions.every((o) => o === q || !shown(data.questions, o, q, r.code)))
                    .map((r) => (
                      <dd key={r.code} className="quiet small">
                        {t(`sight_reason.${r.code}` as "sight_reason.local", { detail: r.detail })}
                      </dd>
                    ))}
                </div>
              ))}
            </dl>
          </>
        )}
      </Ask>
    </Panel>
  );
}

type Question = { question: string; reasons: { code: string; detail: string }[] };

/** Whether an earlier question has told the same reason: it is read once. */
function shown(all: Question[], other: Question, here: Question, code: string) {
  return all.indexOf(other) < all.indexOf(here) && other.reasons.some((r) => r.code === code);
}
