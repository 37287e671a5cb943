package network

import "github.com/skanse/skanse/internal/ot"

// Key is the natural key of a conversation, as conv_key keeps it, whichever side is the client.
func Key(realmNo int64, client, server ot.Host, transport string, port uint16, protocol string) string {
	return convKey(realmNo, endOf(client), endOf(server), transport, port, protocol)
}
