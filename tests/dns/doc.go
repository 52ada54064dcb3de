// Package dns runs real name servers with the exporters that NixOS has for them,
// asks them, and looks at what the dashboard's sections make of it.
package dns
