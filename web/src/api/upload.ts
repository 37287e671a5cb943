import { language } from "../texts";
import { prefix } from "./client";
import { Problem, problemOf } from "./problem";

export type Upload = { done: Promise<{ id: string }>; cancel: () => void };

/** Sends a capture of a site. */
export const upload = (file: File, site: string, onProgress: (sent: number) => void): Upload =>
  sendFile(file, "/captures", { site, name: file.name }, onProgress);

/** Sends a file as it is. XMLHttpRequest, because fetch cannot tell how much of a body has gone. */
export function sendFile(
  file: File,
  path: string,
  query: Record<string, string>,
  onProgress: (sent: number) => void,
): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<{ id: string }>((resolve, reject) => {
    request.open("POST", `${prefix}${path}?${new URLSearchParams(query)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Accept-Language", language());
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as { id: string });
      else reject(problemOf(request.status, request.responseText));
    };
    // A server that refuses a large body early closes the connection before reading all of it.
    request.onerror = () => reject(new Problem(0, "", "", "unreachable"));
    request.onabort = () => reject(new Problem(0, "", "", "cancelled"));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}
