struct EC2Dialect: Dialect {
  var name: String { "ec2" }
  var admission: Admission { .sessionTokenWhereRequired }
  func owns(_ target: RequestTarget) -> Bool { true }
  func needs(of target: RequestTarget) -> Needs { [] }
  func node(at target: RequestTarget, for input: RenderInput) -> MetadataNode? { nil }
}
struct OpenStackDialect: Dialect {
  var name: String { "openstack" }
  var admission: Admission { .open }
  func owns(_ target: RequestTarget) -> Bool { target.segments.first == "openstack" }
  func needs(of target: RequestTarget) -> Needs { [] }
  func node(at target: RequestTarget, for input: RenderInput) -> MetadataNode? { nil }
}
