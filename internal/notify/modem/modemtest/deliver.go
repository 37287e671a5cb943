package modemtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// Deliver lets a message of a phone come in. It is written as an SMS-DELIVER in UCS-2, as phones
// do with letters that the default alphabet lacks.
func (s *Sim) Deliver(number, text string) {
	digits := strings.TrimPrefix(number, "+")
	kind := "81"
	if digits != number {
		kind = "91"
	}
	swapped := ""
	for at := 0; at < len(digits); at += 2 {
		pair := (digits + "F")[at : at+2]
		swapped += pair[1:] + pair[:1]
	}
	body := ""
	for _, u := range utf16.Encode([]rune(text)) {
		body += fmt.Sprintf("%04X", u)
	}
	s.DeliverPDU("0004" + fmt.Sprintf("%02X", len(digits)) + kind + swapped + "0008" + "62113212000000" + fmt.Sprintf("%02X", len(body)/2) + body)
}

// DeliverPDU lets a message come in as a network gave it.
func (s *Sim) DeliverPDU(pdu string) {
	s.Lock()
	defer s.Unlock()
	if s.inbox == nil {
		s.inbox = map[int]string{}
	}
	s.place++
	s.inbox[s.place] = pdu
}

// Held says how many messages lie on the card.
func (s *Sim) Held() int {
	s.Lock()
	defer s.Unlock()
	return len(s.inbox)
}

func (s *Sim) list() {
	s.Lock()
	held := maps.Clone(s.inbox)
	s.Unlock()
	for _, n := range slices.Sorted(maps.Keys(held)) {
		s.say(fmt.Sprintf("\r\n+CMGL: %d,0,,%d\r\n%s\r\n", n, len(held[n])/2-1, held[n]))
	}
	s.answer("OK")
}
