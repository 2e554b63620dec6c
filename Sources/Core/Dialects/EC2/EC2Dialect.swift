import Inventory

/// EC2's metadata: the old versions as Nova serves them, the newer ones as AWS does.
public struct EC2Dialect: Dialect {
  public init() {}

  public var name: String { "ec2" }

  public var admission: Admission { .sessionTokenWhereRequired }

  /// As in Nova, whatever no other dialect takes is EC2's.
  public func owns(_ target: RequestTarget) -> Bool { true }

  public func needs(of target: RequestTarget) -> Needs { [] }

  public func node(at target: RequestTarget, for input: RenderInput) -> MetadataNode? {
    var path = target.segments[...]
    if path.first == "ec2" { path = path.dropFirst() }
    guard let first = path.popFirst() else {
      return .listing(
        EC2Version.allCases.map { ListingEntry(listed: $0.rawValue, segment: $0.rawValue) })
    }
    guard let version = EC2Version(rawValue: first) else { return nil }
    var node = EC2Dialect.root(input, version)
    for segment in path {
      guard case .directory(let directory) = node, let child = directory.child(segment) else {
        return nil
      }
      node = child
    }
    switch node {
    case .leaf(let document): return .document(document)
    case .directory(let directory): return .listing(directory.listing)
    }
  }

  private static func root(_ input: RenderInput, _ version: EC2Version) -> TreeNode {
    .directory(
      Directory([
        Directory.Child(name: "dynamic") {
          version.isNovas ? nil : .directory(dynamic(input))
        },
        Directory.Child(name: "meta-data") { .directory(EC2MetaData.tree(input, version)) },
        Directory.Child(name: "user-data") {
          input.view.instance.userData.map { .leaf(Document(.plainText, $0.revealed)) }
        },
      ]))
  }

  /// Only the document: cloud-init asks for whatever is listed beside it, and there is no
  /// signature to give.
  private static func dynamic(_ input: RenderInput) -> Directory {
    Directory([
      Directory.Child(name: "instance-identity") {
        .directory(
          Directory([
            Directory.Child(name: "document") { .leaf(InstanceIdentityDocument.render(input)) }
          ]))
      }
    ])
  }
}
