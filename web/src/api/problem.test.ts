import { expect, it } from "vitest";
import { set } from "./client";
import { problemOf } from "./problem";

it("reads the server's sentence and its fields", () => {
  const body = {
    title: "Unprocessable",
    detail: "The form is not complete.",
    code: "invalid",
    errors: [{ where: "body.name", message: "is empty" }],
  };
  const problem = problemOf(422, JSON.stringify(body));
  expect(problem.message).toBe("The form is not complete. body.name: is empty");
  expect(problem.code).toBe("invalid");
});

it("does not show a proxy's page", () => {
  const problem = problemOf(502, "<html><h1>Bad gateway</h1></html>");
  expect(problem.detail).toBe("");
  expect(problem.status).toBe(502);
});

it("leaves empty filters out of a question", () => {
  expect(set({ q: "a b", site: "", zone: undefined, level: null, limit: 0, live: false })).toEqual({
    q: "a b",
    limit: 0,
    live: false,
  });
});
