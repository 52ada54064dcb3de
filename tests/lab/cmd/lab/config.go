package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"router-monitoring/tests/lab"
)

type yamlMap = map[string]any

// exporterConfig declares every client of the profile.
func exporterConfig(p lab.Profile, stateDir string) yamlMap {
	var lans []string
	for _, lan := range p.LANs {
		lans = append(lans, lan.Name)
	}
	var clients []yamlMap
	for _, c := range p.Clients {
		client := yamlMap{
			"name": c.Name,
			"ip":   []string{c.IPv4.String(), c.IPv6.String()},
			"mac":  c.MAC.String(),
		}
		if c.Type != "" {
			client["type"] = c.Type
		}
		clients = append(clients, client)
	}
	return yamlMap{
		"lan":             yamlMap{"interfaces": lans},
		"wan":             yamlMap{"interfaces": []string{lab.WAN}},
		"state_dir":       stateDir,
		"update_interval": scrapeInterval.String(),
		"clients":         clients,
	}
}

// prometheusConfig scrapes the exporter; rules is an absolute glob or empty.
func prometheusConfig(rules string) yamlMap {
	config := yamlMap{
		"global": yamlMap{
			"scrape_interval":     scrapeInterval.String(),
			"evaluation_interval": scrapeInterval.String(),
		},
		"scrape_configs": []yamlMap{{
			"job_name":       "network-metrics",
			"static_configs": []yamlMap{{"targets": []string{exporterAddr}}},
		}},
	}
	if rules != "" {
		config["rule_files"] = []string{rules}
	}
	return config
}

// writeYAML writes a configuration and gives its path.
func writeYAML(dir, name string, config yamlMap) (string, error) {
	text, err := yaml.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, text, 0o600)
}
