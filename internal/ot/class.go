package ot

import "math/bits"

// Class says what a message does to a device, one bit each, so that a rule's
// or a policy's mask is one AND. It holds for every protocol.
type Class uint16

// The classes of messages, DESIGN.md "Message classes".
const (
	Read Class = 1 << iota
	Write
	Configure
	Control // start, stop, mode, restart
	ProgramUpload
	ProgramDownload
	Firmware
	File
	Diagnose
	Discover
	Login
	Alarm
	Cyclic
	Other
)

// Rare holds the classes that are reported whole, message by message: none of
// them belongs to a plant's normal cycle.
const Rare = ProgramUpload | ProgramDownload | Control | Firmware | Configure | Login | File

// Transfer holds the classes of which one deed is many messages that are all alike.
const Transfer = ProgramUpload | ProgramDownload | Firmware | File

// ClassNames lists the names in bit order, as the catalogue and the JSON write them.
var ClassNames = [...]string{
	"read", "write", "configure", "control", "program_upload", "program_download", "firmware",
	"file", "diagnose", "discover", "login", "alarm", "cyclic", "other",
}

func (c Class) String() string {
	if c == 0 {
		return ""
	}
	if i := bits.TrailingZeros16(uint16(c)); i < len(ClassNames) {
		return ClassNames[i]
	}
	return ""
}

// ParseClass returns the class of that name, or 0.
func ParseClass(name string) Class {
	for i, n := range ClassNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}
