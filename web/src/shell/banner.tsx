import { useEffect } from "react";
import type { Session } from "../api/types";
import { language, languages, speak, t } from "../texts";
import { When } from "../ui/when";

/** What everybody must see who stands before this screen: a printed code opened it. */
export function SessionBanner({ session: { user } }: { session: Session }) {
  const wanted = user?.language;
  useEffect(() => {
    // The language that the person chose on another machine.
    if (wanted && wanted in languages && wanted !== language())
      speak(wanted as keyof typeof languages, true).then(
        () => location.reload(),
        () => undefined,
      );
  }, [wanted]);
  if (user?.how !== "break-glass") return null;
  return (
    <p className="error" role="status">
      {t("signin.glass", { name: user.name })} <When at={user.end_at} />.
    </p>
  );
}
