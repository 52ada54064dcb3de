# The networks of systemd-networkd whose queue is set, which is how a line is shaped.
# What scripts do with tc is not known here.
{ config, lib }:
let
  queues = map (name: "${name}Config") [
    "cake"
    "controlledDelay"
    "fairQueueing"
    "fairQueueingControlledDelay"
    "flowQueuePIE"
    "hierarchyTokenBucket"
    "pie"
    "stochasticFairnessQueueing"
    "tokenBucketFilter"
  ];
  isShaped = n: lib.any (queue: n.${queue} or { } != { }) queues;
in
lib.optionals config.systemd.network.enable (
  lib.filter isShaped (lib.attrValues config.systemd.network.networks)
)
