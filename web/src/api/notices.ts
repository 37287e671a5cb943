// What is told outside the page: questions of the settings and of one's own wishes.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api, set, tagged } from "./client";
import type { components } from "./schema";
import type { Page } from "./types";

type S = components["schemas"];
export type Receiver = S["NotifyReceiver"];
export type Way = S["NotifyWay"];
export type Delivery = S["NotifyDelivery"];
export type DeliveryState = Delivery["state"] | "open";
export type Callout = S["NotifyCalloutResult"];
export type NoticeSettings = S["NotifySettings"];
export type Wishes = S["NotifyWishes"];
export type MyNotices = S["NotifyMyNotices"];

export const receivers = queryOptions({
  queryKey: ["receivers"],
  queryFn: ({ signal }) => answer(api.GET("/notices/receivers", { signal })),
  refetchInterval: 15_000,
});
export const receiver = (id: string) =>
  queryOptions({
    queryKey: ["receivers", id],
    queryFn: ({ signal }) => tagged(api.GET("/notices/receivers/{id}", { params: { path: { id } }, signal })),
  });
export const deliveries = (state: DeliveryState | undefined) =>
  infiniteQueryOptions({
    queryKey: ["deliveries", state],
    queryFn: async ({ pageParam, signal }) =>
      (await answer(
        api.GET("/notices/deliveries", { params: { query: set({ state, cursor: pageParam, limit: 50 }) }, signal }),
      )) as Page<Delivery>,
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
    refetchInterval: 15_000,
  });
export const egress = queryOptions({
  queryKey: ["egress"],
  queryFn: ({ signal }) => answer(api.GET("/egress", { signal })),
});
export const callouts = queryOptions({
  queryKey: ["callouts"],
  queryFn: ({ signal }) => answer(api.GET("/notices/callouts", { signal })),
  refetchInterval: 15_000,
});
export const noticeSettings = queryOptions({
  queryKey: ["notice-settings"],
  queryFn: ({ signal }) => tagged(api.GET("/notices/settings", { signal })),
});
export const myNotices = queryOptions({
  queryKey: ["my-notices"],
  queryFn: ({ signal }) => tagged(api.GET("/notices/me", { signal })),
});
export type Told = S["NotifyTold"];
export type Unread = S["NotifyUnread"];

/** What was sent to the reader, newest first. */
export const myInbox = infiniteQueryOptions({
  queryKey: ["notices", "mine"],
  queryFn: async ({ pageParam, signal }) =>
    (await answer(
      api.GET("/notices/mine", { params: { query: set({ cursor: pageParam, limit: 30 }) }, signal }),
    )) as Page<Told>,
  initialPageParam: "",
  getNextPageParam: (last) => last.next || undefined,
});

/** How many of them are unread: the server tells it (useLiveNotices), nobody asks. */
export const unread = queryOptions({
  queryKey: ["notices", "unread"],
  queryFn: (): Unread => ({ unread: 0, newest: "" }),
  enabled: false,
});
