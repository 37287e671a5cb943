// The browser's half of passkeys: the server makes the options and checks the answer.
import { answer, api } from "../api/client";

type Options = { id: string; options: unknown };
const origin = () => window.location.origin;

/** Whether this browser can at all: it wants https, or the machine itself. */
export const canPasskey = () => typeof PublicKeyCredential !== "undefined" && window.isSecureContext;

/** Makes a passkey on this device for the person who is signed in. */
export async function makePasskey(name: string) {
  const begun = (await answer(
    api.GET("/passkeys/options", { params: { query: { origin: origin() } } }),
  )) as unknown as Options;
  const { publicKey } = begun.options as { publicKey: PublicKeyCredentialCreationOptionsJSON };
  const made = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
  });
  await api.POST("/passkeys", { body: { id: begun.id, name, answer: json(made) } });
}

/** Signs in with a passkey; the device asks which, and for a finger, a face or a PIN. */
export async function usePasskey() {
  const begun = (await answer(
    api.GET("/session/passkey", { params: { query: { origin: origin() } } }),
  )) as unknown as Options;
  const { publicKey } = begun.options as { publicKey: PublicKeyCredentialRequestOptionsJSON };
  const shown = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
  });
  await api.POST("/session/passkey", { body: { id: begun.id, answer: json(shown) } });
}

function json(credential: Credential | null): { [key: string]: unknown } {
  return (credential as PublicKeyCredential).toJSON() as { [key: string]: unknown };
}

/** The person closed the device's question: that is no error to show. */
export const closed = (error: unknown) =>
  error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError");
