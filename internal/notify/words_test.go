package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/translate"
)

// A mail and an SMS are wholly in the language of the person's account: the frame, the
// question, its due time. A language that nobody wrote gets English.
func TestWordsInThePersonsLanguage(t *testing.T) {
	book, err := translate.Open(catalog.Files, "texts/sentences", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{cfg: Config{Say: book}, words: w}
	due := time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	c := Content{Kind: "silent", Severity: 1, Site: "Aarhus", Title: "Sensor S-4 is silent", Detail: "Nothing came from it since 22 November 03:10 UTC. What it hears meanwhile waits on its own disk. Is its machine up, and may it reach this server?", DueAt: store.At(due)}
	for lang, want := range map[string][]string{
		"da": {"[Skanse] Nu: Sensor S-4 er tavs", "Intet er kommet fra den siden 22. nov. kl. 03.10 UTC.", "Svar senest man. 23. nov. kl. 15.05 CET."},
		"de": {"[Skanse] Sofort: Sensor S-4 ist stumm", "Seit 22. Nov., 03:10 Uhr UTC kam nichts von ihm.", "Antwort bis Mo., 23. Nov., 15:05 Uhr CET."},
		"en": {"[Skanse] Now: Sensor S-4 is silent", "Nothing came from it since 22 November 03:10 UTC.", "Answer by Mon 23 Nov 15:05 CET."},
		"fr": {"[Skanse] Now: Sensor S-4 is silent"},
	} {
		who := recipient{Name: "Lena", Email: "lena@plant.example", Language: lang, wishes: Wishes{Zone: "Europe/Copenhagen"}}
		p, err := s.draw(delivery{What: whatOpen, Channel: byMail, Severity: 1, Body: store.AsJSON(c)}, who)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(p.subject+"\n"+p.text+"\n", text) {
				t.Errorf("%s: no %q in\n%s\n%s", lang, text, p.subject, p.text)
			}
		}
		if lang == "da" && !strings.Contains(p.html, `lang="da"`) {
			t.Error("the page of the mail does not say its language")
		}
		who.wishes.Phone = "+4512345678"
		if p, err = s.draw(delivery{What: whatOpen, Channel: bySMS, Severity: 1, Body: store.AsJSON(c)}, who); err != nil || lang == "da" && !strings.HasPrefix(p.text, "Skanse Nu, Aarhus: Sensor S-4 er tavs Svar senest") {
			t.Errorf("%q %v", p.text, err)
		}
	}
}
