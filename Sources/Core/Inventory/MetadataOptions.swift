/// How an instance may use the service, as it is in force. Names and ranges are AWS' where AWS has
/// the option.
public struct MetadataOptions: Sendable, Hashable {
  public var httpEndpoint = Switch.enabled
  public var httpTokens = Tokens.optional
  public var httpTokensScope = TokensScope.ec2
  public var httpPutResponseHopLimit = 1
  public var instanceMetadataTags = Switch.disabled

  public enum Switch: String, Sendable, CaseIterable {
    case enabled
    case disabled
  }

  public enum Tokens: String, Sendable, CaseIterable {
    case optional
    /// IMDSv2 only.
    case required
  }

  /// Where a required token must be shown.
  public enum TokensScope: String, Sendable, CaseIterable {
    /// In EC2's dialect. Stock images send tokens in no other.
    case ec2
    /// In every dialect.
    case all
  }

  /// What an instance, a project or the daemon says; what is nil is left to the next of these.
  public struct Declared: Sendable, Hashable {
    public var httpEndpoint: Switch?
    public var httpTokens: Tokens?
    public var httpTokensScope: TokensScope?
    public var httpPutResponseHopLimit: Int?
    public var instanceMetadataTags: Switch?

    public init() {}
  }

  /// AWS' defaults, and over them what is declared, the nearest first.
  public init(_ layers: Declared...) {
    for layer in layers.reversed() {
      httpEndpoint = layer.httpEndpoint ?? httpEndpoint
      httpTokens = layer.httpTokens ?? httpTokens
      httpTokensScope = layer.httpTokensScope ?? httpTokensScope
      httpPutResponseHopLimit = layer.httpPutResponseHopLimit ?? httpPutResponseHopLimit
      instanceMetadataTags = layer.instanceMetadataTags ?? instanceMetadataTags
    }
  }
}

extension FieldReader {
  /// The field `metadataOptions`; without it nothing is declared.
  mutating func metadataOptions() throws(FieldError) -> MetadataOptions.Declared {
    guard let value = value("metadataOptions") else { return MetadataOptions.Declared() }
    return try MetadataOptions.Declared(reading: value, path: path("metadataOptions"))
  }
}

extension MetadataOptions.Declared {
  public init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    httpEndpoint = try fields.word("httpEndpoint")
    httpTokens = try fields.word("httpTokens")
    httpTokensScope = try fields.word("httpTokensScope")
    httpPutResponseHopLimit = try fields.integer("httpPutResponseHopLimit", in: 1...64)
    instanceMetadataTags = try fields.word("instanceMetadataTags")
    try fields.finish()
  }

  /// Nil where nothing is declared.
  var value: JSONValue? {
    guard self != Self() else { return nil }
    var fields = FieldWriter()
    fields.put("httpEndpoint", httpEndpoint?.rawValue)
    fields.put("httpTokens", httpTokens?.rawValue)
    fields.put("httpTokensScope", httpTokensScope?.rawValue)
    fields.put("httpPutResponseHopLimit", httpPutResponseHopLimit)
    fields.put("instanceMetadataTags", instanceMetadataTags?.rawValue)
    return fields.value
  }
}
