#include <vector>
#include <string>
#include <map>
struct A { virtual ~A(){} virtual int f(){return 1;} };
struct B : A { int f() override { throw std::string("x"); } };
int g(std::vector<int>&v){ std::map<int,std::string> m; try { for(auto x: v) m[x]="a"; B b; b.f(); } catch(std::string&s) { return s.size(); } return m.size(); }
inline int stat(){ static std::string q("abc"); return q.size(); }
int h(){return stat();}
