import Inventory

/// EC2's metadata: the old versions as Nova 34 serves them, the newer ones as AWS does.
public struct EC2Dialect: Dialect {
  public let name = DialectName.ec2
  public let admission = Admission.sessionTokenWhereRequired(.ec2)
  public let tokenPaths = [["latest"], ["ec2", "latest"]].map {
    RequestTarget(segments: $0 + ["api", "token"])
  }

  public init() {}

  /// Every path that no dialect before it takes, as in Nova.
  public func owns(_ target: RequestTarget) -> Bool { true }

  public func place(at target: RequestTarget) -> MetadataPlace? {
    // `/ec2/latest` is `/latest`, but `/ec2/ec2` is nothing.
    var path = target.segments[...]
    if path.first == "ec2" { path.removeFirst() }
    guard let segment = path.popFirst() else {
      let names = EC2Version.allCases.map(\.date) + ["latest"]
      return MetadataPlace { _ in .listing(names.map(ListingEntry.init(leaf:))) }
    }
    guard let version = EC2Version(segment: segment),
      let node = EC2Dialect.rows.node(at: path, in: version)
    else { return nil }
    return MetadataPlace { node(EC2Guest(input: $0, version: version)) }
  }

  /// What a version has.
  private static let rows: EC2Table<EC2Guest> = [
    .directory("dynamic", since: .firstOfAWS, dynamic),
    .directory("meta-data", EC2MetaDataTree.rows),
    .document("user-data") { guest in
      guest.instance.userData.map { Document(.plainText, $0.revealed) }
    },
  ]

  private static let dynamic: EC2Table<EC2Guest> = [
    .directory("instance-identity", identity)
  ]

  private static let identity: EC2Table<EC2Guest> = [
    .document("document") { InstanceIdentityDocument.document(for: $0) }
  ]
}
