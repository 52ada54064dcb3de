package kernel

import (
	"time"

	"router-monitoring/exporter/internal/sample"
)

// printedByTC is what tc -s -j qdisc printed of the messages in testdata/qdiscs.txt.
var printedByTC = map[string]sample.Qdisc{
	"cake diffserv4": {
		Kind: "cake", Traffic: sample.Traffic{Bytes: 346_126, Packets: 335}, Drops: 238, Overlimits: 963, QueueBytes: 62520, QueuePackets: 60,
		CAKE: &sample.CAKE{Bandwidth: 20000, Capacity: 20000, MemoryUsed: 1_041_408, MemoryLimit: 4_194_304, Tins: []sample.Tin{
			{
				Name: "bulk", Threshold: 1250, Traffic: sample.Traffic{Bytes: 125_040, Packets: 120}, Drops: 7, QueueBytes: 60436,
				PeakDelay: 14_981_134 * time.Microsecond, AverageDelay: 2_353_407 * time.Microsecond, BaseDelay: 2_353_407 * time.Microsecond, Target: 1_816_800 * time.Microsecond, Bulk: 1,
			},
			{
				Name: "besteffort", Threshold: 20000, Traffic: sample.Traffic{Bytes: 281_438, Packets: 271}, Drops: 118, ECNMarks: 119, QueueBytes: 2084,
				PeakDelay: 9_270_165 * time.Microsecond, AverageDelay: 2_541_714 * time.Microsecond, BaseDelay: 534_440 * time.Microsecond, Target: 113_550 * time.Microsecond, Sparse: 1, Bulk: 1,
			},
			{
				Name: "video", Threshold: 10000, Traffic: sample.Traffic{Bytes: 125_040, Packets: 120}, Drops: 57,
				PeakDelay: 3_698_674 * time.Microsecond, AverageDelay: 492_791 * time.Microsecond, BaseDelay: 492_791 * time.Microsecond, Target: 227_100 * time.Microsecond, Sparse: 1,
			},
			{
				Name: "voice", Threshold: 5000, Traffic: sample.Traffic{Bytes: 125_124, Packets: 122}, Drops: 56,
				PeakDelay: 8_966_237 * time.Microsecond, AverageDelay: 1_129_231 * time.Microsecond, BaseDelay: 1_111_389 * time.Microsecond, Target: 454_200 * time.Microsecond, Sparse: 1,
			},
		}},
	},
	"cake diffserv3": {
		Kind: "cake", Traffic: sample.Traffic{Bytes: 489_922, Packets: 473}, Drops: 130, Overlimits: 1063,
		CAKE: &sample.CAKE{Bandwidth: 125_000, Capacity: 125_000, MemoryUsed: 340_992, MemoryLimit: 4_194_304, Tins: []sample.Tin{
			{
				Name: "bulk", Threshold: 7812, Traffic: sample.Traffic{Bytes: 125_040, Packets: 120}, Drops: 13,
				PeakDelay: 2_208_408 * time.Microsecond, AverageDelay: 572_810 * time.Microsecond, BaseDelay: 572_810 * time.Microsecond, Target: 290_706 * time.Microsecond, Bulk: 1,
			},
			{
				Name: "besteffort", Threshold: 125_000, Traffic: sample.Traffic{Bytes: 375_218, Packets: 361}, Drops: 85, ECNMarks: 104,
				PeakDelay: 1_034_171 * time.Microsecond, AverageDelay: 248_923 * time.Microsecond, BaseDelay: 163_003 * time.Microsecond, Target: 18168 * time.Microsecond, Sparse: 3,
			},
			{
				Name: "voice", Threshold: 31250, Traffic: sample.Traffic{Bytes: 125_124, Packets: 122}, Drops: 32,
				PeakDelay: 229_040 * time.Microsecond, AverageDelay: 53250 * time.Microsecond, BaseDelay: 40103 * time.Microsecond, Target: 72672 * time.Microsecond, Sparse: 2,
			},
		}},
	},
	"cake besteffort, unlimited": {
		Kind: "cake", Traffic: sample.Traffic{Bytes: 625_382, Packets: 603},
		CAKE: &sample.CAKE{MemoryUsed: 2304, MemoryLimit: 15_503_360, Tins: []sample.Tin{
			{
				Name: "besteffort", Traffic: sample.Traffic{Bytes: 625_382, Packets: 603},
				PeakDelay: 365 * time.Microsecond, AverageDelay: 19 * time.Microsecond, BaseDelay: 9 * time.Microsecond, Target: 5000 * time.Microsecond, Sparse: 3, Bulk: 1,
			},
		}},
	},
	"fq_codel 1": {
		Kind: "fq_codel", Traffic: sample.Traffic{Bytes: 85444, Packets: 82}, Drops: 61, QueueBytes: 7294, QueuePackets: 7,
		Flows: &sample.Flows{ECNMarks: 18, Active: 1},
	},
	"fq_codel 2": {
		Kind: "fq_codel", Traffic: sample.Traffic{Bytes: 188_784, Packets: 184}, Drops: 329,
		Flows: &sample.Flows{ECNMarks: 116, Active: 1},
	},
	"htb": {
		Kind: "htb", Traffic: sample.Traffic{Bytes: 274_228, Packets: 266}, Drops: 390, Overlimits: 259, QueueBytes: 7294, QueuePackets: 7,
	},
	"tbf": {
		Kind: "tbf", Traffic: sample.Traffic{Bytes: 89794, Packets: 89}, Drops: 534, Overlimits: 685,
	},
	"mq": {
		Kind: "mq", Traffic: sample.Traffic{Bytes: 625_382, Packets: 603},
	},
	"cake diffserv4, Linux 6.1": {
		Kind: "cake", Traffic: sample.Traffic{Bytes: 355_504, Packets: 344}, Drops: 239, Overlimits: 971, QueueBytes: 52100, QueuePackets: 50,
		CAKE: &sample.CAKE{Bandwidth: 20000, Capacity: 20000, MemoryUsed: 1_041_408, MemoryLimit: 4_194_304, Tins: []sample.Tin{
			{
				Name: "bulk", Threshold: 1250, Traffic: sample.Traffic{Bytes: 125_040, Packets: 120}, Drops: 8, QueueBytes: 52100,
				PeakDelay: 15_980_501 * time.Microsecond, AverageDelay: 2_730_425 * time.Microsecond, BaseDelay: 2_730_425 * time.Microsecond, Target: 1_816_800 * time.Microsecond, Bulk: 1,
			},
			{
				Name: "besteffort", Threshold: 20000, Traffic: sample.Traffic{Bytes: 281_438, Packets: 271}, Drops: 118, ECNMarks: 119,
				PeakDelay: 9_243_534 * time.Microsecond, AverageDelay: 2_536_448 * time.Microsecond, BaseDelay: 505_285 * time.Microsecond, Target: 113_550 * time.Microsecond, Sparse: 2,
			},
			{
				Name: "video", Threshold: 10000, Traffic: sample.Traffic{Bytes: 125_040, Packets: 120}, Drops: 57,
				PeakDelay: 3_737_862 * time.Microsecond, AverageDelay: 495_905 * time.Microsecond, BaseDelay: 495_905 * time.Microsecond, Target: 227_100 * time.Microsecond, Sparse: 1,
			},
			{
				Name: "voice", Threshold: 5000, Traffic: sample.Traffic{Bytes: 125_124, Packets: 122}, Drops: 56,
				PeakDelay: 9_020_986 * time.Microsecond, AverageDelay: 1_134_811 * time.Microsecond, BaseDelay: 1_120_895 * time.Microsecond, Target: 454_200 * time.Microsecond, Sparse: 1,
			},
		}},
	},
}
