/// The dialects that the server speaks. Adding one: a folder here, a line there, goldens.
public enum DialectTable {
  /// In the order in which they are asked whether a path is theirs; EC2 takes what is left, as it
  /// does in Nova.
  public static let all: [any Dialect] = [
    OpenStackDialect(), NoCloudDialect(), EC2Dialect(),
  ]

  /// The dialect that answers a path.
  public static func dialect(for target: RequestTarget) -> (any Dialect)? {
    all.first { $0.owns(target) }
  }
}
