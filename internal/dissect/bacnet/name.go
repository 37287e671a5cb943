package bacnet

import (
	"math"
	"strconv"

	"github.com/skanse/skanse/internal/ot"
)

const maxName = 128

// objectTypes are the standard object types, clause 21 (BACnetObjectType).
var objectTypes = [...]string{
	"analog-input", "analog-output", "analog-value", "binary-input", "binary-output", "binary-value", "calendar", "command",
	"device", "event-enrollment", "file", "group", "loop", "multi-state-input", "multi-state-output", "notification-class",
	"program", "schedule", "averaging", "multi-state-value", "trend-log", "life-safety-point", "life-safety-zone", "accumulator",
	"pulse-converter", "event-log", "global-group", "trend-log-multiple", "load-control", "structured-view", "access-door", "timer",
	"access-credential", "access-point", "access-rights", "access-user", "access-zone", "credential-data-input", "network-security", "bitstring-value",
	"characterstring-value", "date-pattern-value", "date-value", "datetime-pattern-value", "datetime-value", "integer-value", "large-analog-value", "octetstring-value",
	"positive-integer-value", "time-pattern-value", "time-value", "notification-forwarder", "alert-enrollment", "channel", "lighting-output", "binary-lighting-output",
	"network-port", "elevator-group", "escalator", "lift", "staging", "audit-log", "audit-reporter",
}

// property names those that are written in practice, clause 21 (BACnetPropertyIdentifier).
func property(id uint16) string {
	switch id {
	case 23:
		return "date-list"
	case 28:
		return "description"
	case 38:
		return "exception-schedule"
	case 45:
		return "high-limit"
	case 59:
		return "low-limit"
	case 72:
		return "notify-type"
	case 77:
		return "object-name"
	case 81:
		return "out-of-service"
	case 85:
		return "present-value"
	case 87:
		return "priority-array"
	case 90:
		return "program-change"
	case 102:
		return "recipient-list"
	case 104:
		return "relinquish-default"
	case 108:
		return "setpoint"
	case 123:
		return "weekly-schedule"
	case 152:
		return "active-cov-subscriptions"
	}
	return ""
}

// states are what ReinitializeDevice asks for, clause 16.4.
var states = [...]string{
	"cold start", "warm start", "start backup", "end backup", "start restore", "end restore", "abort restore", "activate changes",
}

// switches are what DeviceCommunicationControl asks for, clause 16.1.
var switches = [...]string{"enable communication", "disable communication", "disable initiation"}

// operations are what LifeSafetyOperation asks for, clause 13.13 (BACnetLifeSafetyOperation).
var operations = [...]string{
	"none", "silence", "silence audible", "silence visual", "reset", "reset alarm", "reset fault", "unsilence", "unsilence audible", "unsilence visual",
}

// named says in words what a request does: "analog-value 7 present-value: 55.5".
func (c *context) named(m *ot.Message, service byte) {
	name := c.flow.name[:0]
	switch service {
	case writeProperty, writeMultiple, addListElement, removeElement, createObject, deleteObject, atomicReadFile, atomicWriteFile:
		if m.N == 0 {
			return
		}
		if int(m.Area) < len(objectTypes) {
			name = append(name, objectTypes[m.Area]...)
		} else {
			name = strconv.AppendUint(append(name, "object type "...), uint64(m.Area), 10)
		}
		name = strconv.AppendUint(append(name, ' '), uint64(m.First), 10)
		if service == createObject || service == deleteObject || service == atomicReadFile || service == atomicWriteFile {
			break
		}
		if p := property(m.Space); p != "" {
			name = append(append(name, ' '), p...)
		} else {
			name = strconv.AppendUint(append(name, " property "...), uint64(m.Space), 10)
		}
		if m.Flags&ot.HasValue != 0 {
			name = appendNumber(append(name, ": "...), m.Value)
		}
	case lifeSafety:
		name = word(name, operations[:], m.Value)
	case communication:
		name = word(name, switches[:], m.Value)
	case reinitialize:
		name = word(name, states[:], m.Value)
	default:
		return
	}
	m.Name = name
}

func word(dst []byte, words []string, v float64) []byte {
	if i := int(v); i >= 0 && i < len(words) {
		return append(dst, words[i]...)
	}
	return appendNumber(append(dst, "state "...), v)
}

// appendNumber writes a value as people read it; only the very large and the very small get an exponent.
func appendNumber(b []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e15) {
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
