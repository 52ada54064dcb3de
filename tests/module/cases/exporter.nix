# The exporter alone, without a word more.
{
  services.network-metrics-exporter.enable = true;
}
