# The appliance: the exporter, and around it Prometheus, node exporter, Grafana
# with its dashboards, alerts and firewall ports. Importing it changes nothing
# until something is enabled.
{
  imports = [
    ./exporter
    ./monitoring
  ];
}
