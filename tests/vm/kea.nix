# Host names from Kea, which keeps its leases from other users, and its pools from its
# control socket.
{
  nodes = {
    router = {
      imports = [ ./machines/router.nix ];
      services.kea.dhcp4 = {
        enable = true;
        settings = {
          interfaces-config.interfaces = [ "br-lan" ];
          interfaces-config.service-sockets-max-retries = 60;
          control-socket = {
            socket-type = "unix";
            socket-name = "/run/kea/dhcp4.sock";
          };
          lease-database = {
            type = "memfile";
            persist = true;
            name = "/var/lib/kea/dhcp4.leases";
          };
          subnet4 = [
            {
              id = 1;
              subnet = "192.168.1.0/24";
              pools = [ { pool = "192.168.1.100 - 192.168.1.250"; } ];
              option-data = [
                {
                  name = "routers";
                  data = "192.168.1.1";
                }
              ];
            }
          ];
        };
      };
      services.network-metrics-exporter = {
        enable = true;
        lanInterface = "br-lan";
        wanInterface = "wan0";
      };
    };
    internet = ./machines/internet.nix;
    clients = ./machines/clients.nix;
  };
}
