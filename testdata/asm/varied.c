#include <string.h>
#include <stdio.h>
#include <stdlib.h>
struct s { int a; char b[10]; double d; struct s *n; };
static int tab[5] = {1,2,3};
const char *names[] = {"a","bc",0};
extern int ext(int);
int glob; static int loc; _Thread_local int tl; extern _Thread_local int etl;
int f(struct s *p, int x){ int r=0; switch(x){case 0:r=1;break;case 1:r=ext(2);break;case 2:r=5;break;case 3: r=p->a;break;case 4: r=9;break; case 5: r=ext(11);} loc+=r; glob++; tl+=etl; return r+tab[x&3]+(int)p->d; }
double g(double a, float b){ return a*b+1.5/(a-b); }
long double h(long double a, int b){ return a*b+1.25L; }
__int128 mul(__int128 a, unsigned long b){ return a/b; }
int main(int c, char**v){ struct s q; memset(&q,0,sizeof q); for(int i=0;i<c;i++) { printf("%s %d %f\n", v[i], f(&q,i), g(i,c)); q.a += i; } return strlen(names[c&1]); }
__attribute__((weak)) void wk(void){}
void sorted(int*a,int n){ for(int i=0;i<n;i++)for(int j=i;j<n;j++) if(a[i]>a[j]){int t=a[i];a[i]=a[j];a[j]=t;} }
unsigned pop(unsigned long x){ return __builtin_popcountl(x)+__builtin_clz(x)+__builtin_ctz(x)+__builtin_bswap32(x); }
void atom(int *p,int v){ __atomic_fetch_add(p,v,5); __atomic_exchange_n(p,v,5); int e=3; __atomic_compare_exchange_n(p,&e,v,0,5,5);}
