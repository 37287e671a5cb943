package record

import (
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/dissect/modbus"
	"github.com/skanse/skanse/internal/ot"
)

// Tag is where a value stands, as a sensor numbers it.
type Tag struct {
	Unit  uint32 // of a gateway or a station; only if HasUnit
	Space uint16 // 0: any
	Area  uint32 // DB number
	Item  uint32 // register, byte, object address
	Width uint8  // bytes, where elements of several widths begin at one address; 0: there is one
	Name  string // where the protocol uses names; nothing else is set then
	// HasUnit says that only this unit is meant; else every one behind the address.
	HasUnit bool
}

const maxTag = 200 // bytes of an address

// ParseTag reads an address as its protocol's people write it.
//
//	modbus   holding 40112, 40112 (reference numbers, from 1), holding 111, coil 0x10 (as on the wire, from 0), unit 3 input 30005
//	s7comm   DB10.DBW4, DB10.DBD8, DB10.DBB1, MW20, IB0, QB4
//	iec104   IOA 4711, station 10 IOA 4711
//	enip     Line1.State
func ParseTag(protocol, address string) (Tag, error) {
	text := strings.TrimSpace(address)
	if text == "" || len(text) > maxTag || ot.Printable(text) != text {
		return Tag{}, ot.Errorf(ot.Invalid, "the address of the tag is empty, longer than %d bytes or not printable", maxTag)
	}
	var t Tag
	ok := false
	switch protocol {
	case "modbus":
		t, ok = modbusTag(strings.Fields(strings.ToLower(text)))
		if !ok {
			return t, ot.Errorf(ot.Invalid, "%q is no Modbus address: write holding 40112, coil 00017, unit 3 input 30005, or holding 111 as it is numbered on the wire", text)
		}
	case "s7comm":
		if t, ok = s7Tag(strings.ToUpper(text)); !ok {
			return t, ot.Errorf(ot.Invalid, "%q is no S7 address that can be followed: write DB10.DBW4, DB10.DBD8, DB10.DBB1 or MW20; for a bit name its byte and choose \"a word in which this bit is set\"", text)
		}
	case "iec104":
		if t, ok = iecTag(strings.Fields(strings.ToLower(text))); !ok {
			return t, ot.Errorf(ot.Invalid, "%q is no IEC 104 address: write IOA 4711 or station 10 IOA 4711", text)
		}
	case "enip":
		t.Name = text
	case "opcua":
		return t, ot.Errorf(ot.Invalid, "values of OPC UA are not read from the wire: choose a tag of another protocol, or set the state by hand or calendar")
	default:
		return t, ot.Errorf(ot.Invalid, "values of %q are not read from the wire", ot.Printable(protocol))
	}
	return t, nil
}

// unit takes a leading "unit 3" or "station 3" off.
func (t *Tag) unit(words []string, most uint64) []string {
	if len(words) < 3 || words[0] != "unit" && words[0] != "station" {
		return words
	}
	n, err := strconv.ParseUint(words[1], 10, 32)
	if err != nil || n > most {
		return nil
	}
	t.Unit, t.HasUnit = uint32(n), true
	return words[2:]
}

func modbusTag(words []string) (t Tag, ok bool) {
	words = t.unit(words, 255)
	table := "" // the first digit of its reference numbers
	switch {
	case len(words) == 1:
	case len(words) != 2:
		return t, false
	case words[0] == "coil":
		table = "0"
	case words[0] == "discrete":
		table = "1"
	case words[0] == "input":
		table = "3"
	case words[0] == "holding":
		table = "4"
	default:
		return t, false
	}
	number := words[len(words)-1]
	reference := (len(number) == 5 || len(number) == 6) && !strings.HasPrefix(number, "0x") && (table == "" || number[:1] == table)
	if table == "" {
		if !reference {
			return t, false
		}
		table = number[:1]
	}
	switch table {
	case "0":
		t.Space = modbus.SpaceCoil
	case "1":
		t.Space = modbus.SpaceDiscreteInput
	case "3":
		t.Space = modbus.SpaceInputRegister
	case "4":
		t.Space = modbus.SpaceHoldingRegister
	default:
		return t, false
	}
	base := 10
	switch {
	case reference:
		number = number[1:]
	case strings.HasPrefix(number, "0x"):
		number, base = number[2:], 16
	}
	n, err := strconv.ParseUint(number, base, 32)
	if reference {
		if n == 0 {
			return t, false
		}
		n--
	}
	t.Item = uint32(n)
	return t, err == nil && n <= 0xffff
}

// The areas of S7 memory, as they stand in an address on the wire.
const (
	s7Inputs  = 0x81
	s7Outputs = 0x82
	s7Flags   = 0x83
	s7DB      = 0x84
)

func s7Tag(text string) (t Tag, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	if rest, is := strings.CutPrefix(text, "DB"); is {
		db, in, dot := strings.Cut(rest, ".DB")
		n, err := strconv.ParseUint(db, 10, 16)
		if !dot || err != nil {
			return t, false
		}
		t.Space, t.Area, text = s7DB, uint32(n), in
	} else {
		switch text[0] {
		case 'I', 'E':
			t.Space = s7Inputs
		case 'Q', 'A':
			t.Space = s7Outputs
		case 'M':
			t.Space = s7Flags
		default:
			return t, false
		}
		text = text[1:]
	}
	if len(text) < 2 || !strings.Contains("BWD", text[:1]) {
		return t, false
	}
	n, err := strconv.ParseUint(text[1:], 10, 16)
	t.Item, t.Width = uint32(n), map[byte]uint8{'B': 1, 'W': 2, 'D': 4}[text[0]]
	return t, err == nil
}

func iecTag(words []string) (t Tag, ok bool) {
	words = t.unit(words, 0xffff)
	if len(words) == 2 && words[0] == "ioa" {
		words = words[1:]
	}
	if len(words) != 1 {
		return t, false
	}
	n, err := strconv.ParseUint(words[0], 10, 24)
	t.Item = uint32(n)
	return t, err == nil
}
