# The least that the appliance needs.
{
  networking.interfaces.br-lan.ipv4.addresses = [
    {
      address = "192.168.1.1";
      prefixLength = 24;
    }
  ];
  services.router-monitoring = {
    enable = true;
    lan.interfaces = [ "br-lan" ];
  };
}
