package modem

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// maxAnswer bounds what a modem may say before it comes to an end.
const maxAnswer = 16 << 10

// token is one thing that a modem said.
type token struct {
	line   string
	prompt bool // "> ": it waits for the text
}

// next takes the first whole token off the bytes; n is 0 while there is none. Lines
// end with CR, LF or both; empty ones are skipped.
func next(b []byte) (t token, n int) {
	for n < len(b) && (b[n] == '\r' || b[n] == '\n') {
		n++
	}
	rest := b[n:]
	if bytes.HasPrefix(rest, []byte("> ")) {
		return token{prompt: true}, n + 2
	}
	end := bytes.IndexAny(rest, "\r\n")
	if end < 0 {
		if len(rest) > maxAnswer {
			return token{line: ot.Printable(string(rest[:80]))}, len(b) // noise without an end
		}
		return token{}, 0
	}
	return token{line: ot.Printable(string(rest[:end]))}, n + end + 1
}

// final says whether a line ends an answer, and as what error.
func final(line string) (done bool, err error) {
	switch {
	case line == "OK":
		return true, nil
	case line == "ERROR" || line == "NO CARRIER" || line == "BUSY" || line == "NO ANSWER":
		return true, &Error{Text: "the modem answers " + line}
	case strings.HasPrefix(line, "+CMS ERROR:"):
		return true, numbered("CMS", line, cmsTexts())
	case strings.HasPrefix(line, "+CME ERROR:"):
		return true, numbered("CME", line, cmeTexts())
	}
	return false, nil
}

// Error is a modem's or a network's no.
type Error struct {
	Kind string // CMS, CME, or empty
	Code int    // -1: none was given
	Text string
}

func (e *Error) Error() string { return e.Text }

func numbered(kind, line string, texts map[int]string) error {
	_, s, _ := strings.Cut(line, ":")
	s = strings.TrimSpace(s)
	code, err := strconv.Atoi(s)
	if err != nil {
		return &Error{Kind: kind, Code: -1, Text: fmt.Sprintf("the modem refuses: %s (+%s ERROR)", s, kind)}
	}
	text := texts[code]
	if text == "" {
		text = "no text is known for it"
	}
	return &Error{Kind: kind, Code: code, Text: fmt.Sprintf("the modem refuses: %s (+%s ERROR: %d)", text, kind, code)}
}

// cmsTexts are those of 3GPP TS 27.005, 3.2.5, and TS 24.011, annex E, that a sender meets.
func cmsTexts() map[int]string {
	return map[int]string{
		1: "the number is not assigned", 8: "barred by the operator", 10: "calls are barred for this card", 21: "the network rejected the message",
		27: "the receiver is out of service", 28: "the subscriber is unknown", 29: "the network's facility was rejected", 30: "this card is not registered",
		38: "the network is out of order", 41: "a temporary failure of the network", 42: "the network is congested", 47: "no resources are available",
		50: "the facility is not subscribed", 69: "the facility is not implemented", 96: "an invalid message",
		300: "a failure of the modem", 301: "the modem's SMS service is reserved", 302: "the operation is not allowed", 303: "the operation is not supported",
		304: "an invalid PDU", 305: "an invalid text mode parameter", 310: "no SIM card is inserted", 311: "the SIM wants its PIN", 312: "the phone wants the SIM's PIN",
		313: "a failure of the SIM", 314: "the SIM is busy", 315: "a wrong SIM", 316: "the SIM wants its PUK", 317: "the SIM wants PIN2", 318: "the SIM wants PUK2",
		320: "a failure of the memory", 321: "an invalid place in the memory", 322: "the memory is full", 330: "the number of the service centre is unknown",
		331: "no network", 332: "the network did not answer in time", 340: "no acknowledgement was expected", 500: "an unknown error",
	}
}

// cmeTexts are those of 3GPP TS 27.007, 9.2.1, that a sender meets.
func cmeTexts() map[int]string {
	return map[int]string{
		0: "a failure of the phone", 3: "the operation is not allowed", 4: "the operation is not supported", 10: "no SIM card is inserted", 11: "the SIM wants its PIN",
		12: "the SIM wants its PUK", 13: "a failure of the SIM", 14: "the SIM is busy", 15: "a wrong SIM", 16: "the PIN is wrong", 17: "the SIM wants PIN2",
		18: "the SIM wants PUK2", 30: "no network", 31: "the network did not answer in time", 32: "only emergency calls are allowed", 100: "an unknown error",
	}
}

// registration reads "+CREG: 0,1" and its kin; an unsolicited "+CREG: 1" too.
func registration(line string) (state int, ok bool) {
	fields := strings.Split(after(line), ",")
	i := 0
	if len(fields) > 1 {
		i = 1
	}
	state, err := strconv.Atoi(strings.TrimSpace(fields[i]))
	return state, err == nil
}

// signal reads "+CSQ: 17,99" into dBm.
func signal(line string) (dBm int, ok bool) {
	s, _, _ := strings.Cut(after(line), ",")
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 31 {
		return 0, false // 99: the modem does not know
	}
	return -113 + 2*n, true
}

// operator reads +COPS: 0,0,"TDC",2.
func operator(line string) string {
	parts := strings.Split(line, `"`)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

func after(line string) string {
	_, s, _ := strings.Cut(line, ":")
	return strings.TrimSpace(s)
}
