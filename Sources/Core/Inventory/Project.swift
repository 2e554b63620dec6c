/// What the instances of a project have in common. Resources name their project whether or not it is
/// declared.
public struct Project: Sendable, Hashable {
  /// What the project's resources say as their `project`.
  public var id: String
  /// For instances of the project that do not say otherwise.
  public var metadataOptions = MetadataOptions.Declared()

  public init(id: String) { self.id = id }
}

extension Project {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    _ = fields.raw("kind")
    id = try fields.required("id", rule: NameRule.identifier)
    metadataOptions = try fields.metadataOptions()
    try fields.finish()
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("kind", "Project")
    fields.put("id", id)
    fields.put("metadataOptions", metadataOptions.value)
    return fields.value
  }
}
