import Dialects
import Inventory

/// A way in which we mean to differ from Nova.
struct KnownDifference: Sendable {
  let reason: String
  let aspect: Aspect
  let matches: @Sendable (RecordedAnswer, OurAnswer) -> Bool
}

extension KnownDifference {
  static let all = errors + types + latest

  private static let errors = [
    KnownDifference(
      reason: "where Nova fell over without an answer, we refuse", aspect: .status
    ) { nova, ours in nova.status == nil && ours.document == nil },
    KnownDifference(
      reason: "Nova lists EC2's versions to strangers and fails on some; we know nobody",
      aspect: .status
    ) { nova, ours in nova.hostname == nil && ours.status == 404 },
    KnownDifference(
      reason: "a NUL or a broken escape is refused as such, not looked up", aspect: .status
    ) { nova, ours in
      ["/latest/meta-data/%00", "/latest/meta-data/%zz"].contains(nova.path)
        && nova.status == 404 && ours.status == 400
    },
    KnownDifference(
      reason: "Nova's own word in its tree, public-keys/0/_name, is no leaf", aspect: .status
    ) { nova, ours in nova.segments.last == "_name" && ours.status == 404 },
    KnownDifference(
      reason: "the password answers HEAD as every document does", aspect: .status
    ) { nova, ours in
      nova.method == "HEAD" && nova.segments.last == "password" && nova.status == 400
        && ours.status == 200
    },
  ]

  private static let types = [
    KnownDifference(
      reason: "the password is plain text, not HTML", aspect: .contentType
    ) { nova, ours in
      nova.segments.last == "password" && ours.document?.contentType == .plainText
    },
    KnownDifference(
      reason: "network_data.json is JSON, not plain text", aspect: .contentType
    ) { nova, ours in
      nova.segments.last == "network_data.json" && ours.document?.contentType == .json
    },
    KnownDifference(
      reason: "without networks the document has its three lists, empty", aspect: .body
    ) { nova, ours in
      nova.segments.last == "network_data.json" && nova.body == Array("{}".utf8)
        && ours.document?.bytes
          == Array(#"{"links": [], "networks": [], "services": []}"#.utf8)
    },
  ]

  /// Values that newer versions leave out where Nova has a word for nothing.
  private static let absentInLatest: Set = [
    "ami-id", "placement", "availability-zone", "public-ipv4", "reservation-id",
  ]

  private static let latest = [
    KnownDifference(
      reason: "the root lists AWS' newer versions, too", aspect: .body
    ) { nova, ours in
      nova.ec2Segments.isEmpty && Set(ours.lines).isSuperset(of: nova.bodyLines)
        && ours.lines.last == "latest"
    },
    KnownDifference(
      reason: "`latest` has AWS' leaves, too, and none without a value", aspect: .body
    ) { nova, ours in
      let missing = Set(nova.bodyLines).subtracting(ours.lines)
      return [["latest"], ["latest", "meta-data"]].contains(nova.ec2Segments)
        && missing.isSubset(of: nova.hostname == "web-01" ? [] : absentLines)
    },
    KnownDifference(
      reason: "in `latest` an undeclared value is absent, where Nova says `None` or nothing",
      aspect: .status
    ) { nova, ours in
      let last = nova.ec2Segments.last ?? ""
      let nothing = ["", "None", "availability-zone"].map { Array($0.utf8) }
      return nova.ec2Segments.first == "latest" && absentInLatest.contains(last)
        && nova.status == 200 && nothing.contains(nova.body) && ours.status == 404
    },
    KnownDifference(
      reason: "`latest` calls an unknown manifest as AWS does", aspect: .body
    ) { nova, ours in
      nova.ec2Segments == ["latest", "meta-data", "ami-manifest-path"]
        && nova.body == Array("FIXME".utf8) && ours.lines == ["(unknown)"]
    },
    KnownDifference(
      reason: "`latest` answers for what AWS has and Nova has not", aspect: .status
    ) { nova, ours in
      let path = nova.ec2Segments.dropFirst().joined(separator: "/")
      return nova.ec2Segments.first == "latest" && nova.status == 404 && ours.status == 200
        && [
          "dynamic", "dynamic/instance-identity", "dynamic/instance-identity/document",
          "meta-data/mac", "meta-data/network/interfaces/macs",
        ].contains(path)
    },
  ]

  private static let absentLines: Set = ["ami-id", "placement/", "public-ipv4", "reservation-id"]
}
