// Package asset keeps the inventory: which hosts are one device, what the
// device is, how we know, and what people decided about it. The pure part
// (Identify, Classify) turns what a sensor heard into devices; the slice keeps
// them, their addresses over time and every fact with its proof. It knows
// nothing of conversations beyond what a host serves and asks.
package asset
