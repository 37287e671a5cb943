import { expect, it } from "vitest";
import { address } from "./client";
import { problemOf } from "./problem";

it("reads the server's sentence and its fields", () => {
  const body = {
    title: "Unprocessable",
    detail: "The form is not complete.",
    code: "invalid",
    errors: [{ location: "body.name", message: "is empty" }],
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
  expect(address("/assets", { q: "a b", site: "", zone: undefined, limit: 200 })).toBe(
    "/api/v1/assets?q=a+b&limit=200",
  );
});
