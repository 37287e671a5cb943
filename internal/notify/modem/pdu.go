package modem

import (
	"encoding/hex"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// An SMS-SUBMIT as a modem takes it (3GPP TS 23.040, 9.2.2.2; TS 27.005, 4.3):
//
//	octets  what
//	1+n     length and address of the service centre; 00: the one of the card
//	1       message type 01, validity period relative 10, bit 6: a header stands before the text
//	1       reference: 00, the modem gives it
//	2+n     digits of the number, type of the number, the digits in swapped halves
//	1       protocol identifier 00
//	1       coding: 00 default alphabet, 08 UCS-2
//	1       validity A7: 24 hours
//	1       length of the text: in septets or in octets, the header included
//	n       header 05 00 03 reference parts number, then the text

const (
	submit   = 0x01
	relative = 0x10
	header   = 0x40
	oneDay   = 0xa7
	headSize = 6 // octets of the header of a part, its length included
)

// pdu is one message in hexadecimal digits, and its length as AT+CMGS wants it:
// in octets without the service centre.
type pdu struct {
	hex    string
	length int
}

// encodePDU makes the message of one part. of 1: it stands alone.
func encodePDU(number string, p part, ref byte, i, of int) pdu {
	b := []byte{submit | relative, 0}
	b = append(b, address(number)...)
	b = append(b, 0)
	if p.wide {
		b = append(b, 0x08, oneDay)
	} else {
		b = append(b, 0x00, oneDay)
	}
	var head []byte
	if of > 1 {
		b[0] |= header
		head = []byte{headSize - 1, 0x00, 0x03, ref, byte(of), byte(i)}
	}
	if p.wide {
		b = append(b, byte(len(head)+len(p.body)))
		b = append(append(b, head...), p.body...)
	} else {
		fill := (7 - len(head)*8%7) % 7
		b = append(b, byte((len(head)*8+fill)/7+len(p.body)))
		b = append(append(b, head...), pack(p.body, fill)...)
	}
	return pdu{hex: "00" + strings.ToUpper(hex.EncodeToString(b)), length: len(b)}
}

// address writes a number: type 91 with country code, 81 without.
func address(number string) []byte {
	kind := byte(0x81)
	digits, foreign := strings.CutPrefix(number, "+")
	if foreign {
		kind = 0x91
	}
	b := []byte{byte(len(digits)), kind}
	for i := 0; i < len(digits); i += 2 {
		high := byte(0xf)
		if i+1 < len(digits) {
			high = digits[i+1] - '0'
		}
		b = append(b, high<<4|(digits[i]-'0'))
	}
	return b
}

// CheckNumber writes a telephone number in one form: digits, with + before a country code.
func CheckNumber(s string) (string, error) {
	n := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", "/", "", ".", "").Replace(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(n, "00"); ok {
		n = "+" + rest
	}
	digits := strings.TrimPrefix(n, "+")
	if len(digits) < 3 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return "", ot.Errorf(ot.Invalid, "%q is not a telephone number: write it with the country code, as in +45 20 12 34 56", ot.Printable(s))
	}
	return n, nil
}
