// Package sensortest gives tests a wire of their own: a network namespace with a
// pair of virtual Ethernet ports, so that live capture is tested against the kernel.
package sensortest
