# A job of Prometheus with one target on this machine.
name: interval: labels: target: {
  job_name = name;
  scrape_interval = interval;
  static_configs = [
    {
      targets = [ target ];
      inherit labels;
    }
  ];
}
